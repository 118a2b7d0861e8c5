/**
 * YAML as we take it: one document of plain maps, lists and scalars, whose every value knows its line.
 *
 * Bounded in bytes, depth, tokens and aliases, so that no file can make the parser work for long; refuses tags, keys that
 * are not plain text, keys that stand twice, and more than one document. It knows nothing of scenarios.
 */

import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  parseDocument,
} from 'yaml';
import { messageOf } from './failure.ts';

export const maxFileBytes = 1_048_576;
const maxDepth = 16;
/** The document, and the scalar at the end. */
const tokensAround = 2;
const maxTokens = 20_000;
const maxAliases = 100;

export type Path = readonly (string | number)[];

export interface Position {
  /** Both count from 1. */
  readonly line: number;
  readonly column: number;
}

export interface Trouble {
  readonly position: Position;
  /** The path in the file, e.g. `factors.cores[1]`; empty when it is about the file as a whole. */
  readonly path: string;
  readonly text: string;
}

export interface YamlDocument {
  /** Plain data; undefined when `troubles` is not empty. */
  readonly value: unknown;
  readonly troubles: readonly Trouble[];
  /** Of the value at a path, or of the nearest thing round it that is there. */
  positionOf(path: Path): Position;
  /** Of a key, where `positionOf` gives that of its value. */
  keyPositionOf(path: Path): Position;
  /** For changes that keep comments and order. */
  readonly document: Document.Parsed;
}

const advice: Record<string, string> = {
  TAB_AS_INDENT: 'a tab indents this line; wanted spaces',
  DUPLICATE_KEY: 'this key stands twice; wanted each once',
  MULTIPLE_DOCS: 'a second document begins here; wanted one',
};

export function readYaml(text: string): YamlDocument {
  const lines = new LineCounter();
  const excess = firstExcess(text.slice(0, maxFileBytes));
  // What is too much is not composed: that recurses, and compares every key of a map with every other.
  const document = parseDocument(excess === null ? text.slice(0, maxFileBytes) : '', {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    version: '1.2',
    schema: 'core',
    logLevel: 'error',
  });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const troubles: Trouble[] = [...document.errors, ...document.warnings].map((error) => ({
    position: at(error.pos[0]),
    path: '',
    text: advice[error.code] ?? `not YAML (${error.message}); wanted a map of keys and values`,
  }));
  if (excess !== null) troubles.push(excess);
  if (Buffer.byteLength(text) > maxFileBytes) {
    troubles.unshift({
      position: at(0),
      path: '',
      text: `${Buffer.byteLength(text)} bytes; wanted at most ${maxFileBytes}`,
    });
  }
  if (troubles.length === 0) troubles.push(...shapeTroubles(document.contents, at));
  let value: unknown;
  try {
    if (troubles.length === 0) value = document.toJS({ maxAliasCount: maxAliases });
  } catch (error) {
    troubles.push({
      position: at(0),
      path: '',
      text: `its aliases cannot be followed (${messageOf(error)}); wanted the values themselves`,
    });
  }
  return {
    value,
    troubles: unique(troubles),
    positionOf: (path) => at(offsetOf(document, path)),
    keyPositionOf: (path) => at(keyOffsetOf(document, path)),
    document,
  };
}

/**
 * Where a text is more than we take: too deep, too much. The parser of YAML's tokens keeps a stack of its own and makes
 * one pass, so this is safe where everything after it is not.
 */
function firstExcess(text: string): Trouble | null {
  const lines = new LineCounter();
  lines.addNewLine(0);
  const parser = new Parser(lines.addNewLine);
  let tokens = 0;
  for (const token of new Lexer().lex(text)) {
    for (const _ of parser.next(token));
    if (!/^(?:\s|#)/.test(token)) tokens += 1;
    const isDeep = parser.stack.length > maxDepth + tokensAround;
    if (!isDeep && tokens <= maxTokens) continue;
    const { line, col } = lines.linePos(parser.offset);
    return {
      position: { line: Math.max(1, line), column: Math.max(1, col) },
      path: '',
      text: `${isDeep ? `nested more than ${maxDepth} deep` : `more than ${maxTokens} keys, values and marks`}; wanted a scenario`,
    };
  }
  return null;
}

/** The parser may complain of one thing more than once. */
function unique(troubles: readonly Trouble[]): Trouble[] {
  const said = new Map(
    troubles.map((trouble) => [
      `${trouble.position.line}:${trouble.position.column}:${trouble.text}`,
      trouble,
    ]),
  );
  return [...said.values()];
}

/** What is YAML but more than we take. Stops at the first. */
function shapeTroubles(contents: unknown, at: (offset: number) => Position): Trouble[] {
  let aliases = 0;
  const walk = (node: unknown, path: Path): Trouble | null => {
    const trouble = (text: string): Trouble => ({
      position: at((node as Node | null)?.range?.[0] ?? 0),
      path: pathText(path),
      text,
    });
    if (isAlias(node)) {
      aliases += 1;
      return aliases > maxAliases
        ? trouble(`more than ${maxAliases} aliases; wanted the values themselves`)
        : null;
    }
    if (isScalar(node) || isMap(node) || isSeq(node)) {
      if (node.tag !== undefined && !node.tag.startsWith('tag:yaml.org,2002:'))
        return trouble(`the tag "${node.tag}" stands here; wanted a plain value`);
    }
    if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) {
        const found = walk(item, [...path, index]);
        if (found !== null) return found;
      }
    }
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (!isScalar(key) || typeof key.value !== 'string')
          return trouble('a key here is not plain text; wanted a name');
        const found = walk(value, [...path, key.value]);
        if (found !== null) return found;
      }
    }
    return null;
  };
  const found = walk(contents, []);
  return found === null ? [] : [found];
}

/** `factors.cores[1]`; names that are not plain words are quoted. */
export function pathText(path: Path): string {
  if (path.length > 8) return `${pathText(path.slice(0, 8))}…`;
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      const shown = /^[\w-]{1,64}$/.test(part) ? part : JSON.stringify(part.slice(0, 64));
      return index === 0 ? shown : `.${shown}`;
    })
    .join('');
}

/** Where a value starts; of a path that leads nowhere, where the last thing on the way starts. */
function offsetOf(document: Document.Parsed, path: Path): number {
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    const next: unknown = isMap(node) || isSeq(node) ? node.get(part, true) : undefined;
    if (next === undefined || next === null) break;
    node = next;
    offset = startOf(node);
  }
  return offset;
}

function keyOffsetOf(document: Document.Parsed, path: Path): number {
  const owner: unknown = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
  if (isMap(owner)) {
    for (const { key } of owner.items) {
      if (isScalar(key) && key.value === path.at(-1)) return startOf(key);
    }
  }
  return offsetOf(document, path);
}

function startOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}
