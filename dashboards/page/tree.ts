/**
 * Elements as data, and a document that is made to match them: only what differs is touched, so focus, selection,
 * scroll positions and what a screen reader is reading stay where they are. Text is only ever text; there is no way to
 * hand in markup.
 */

export type Child = Tree | string;
type Attribute = string | number | boolean | null | undefined | ((event: never) => void);
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Tree {
  readonly tag: string;
  readonly attributes: Attributes;
  readonly children: readonly Child[];
}

/** Functions are handlers (`onclick`); true is an attribute without a value; false, null and undefined are none. */
export function element(tag: string, attributes: Attributes = {}, ...children: readonly Child[]): Tree {
  return { tag, attributes, children };
}

const svgNamespace = 'http://www.w3.org/2000/svg';
/** What an element was last made to match. */
const applied = new WeakMap<Element, Attributes>();

export function show(parent: Element, children: readonly Child[]): void {
  let node = parent.firstChild;
  for (const child of children) {
    if (node !== null && fits(node, child)) {
      update(node, child);
      node = node.nextSibling;
    } else {
      const made = make(child, parent);
      const next: ChildNode | null = node?.nextSibling ?? null;
      if (node === null) parent.append(made);
      else node.replaceWith(made);
      node = next;
    }
  }
  while (node !== null) {
    const next: ChildNode | null = node.nextSibling;
    node.remove();
    node = next;
  }
}

function fits(node: Node, child: Child): boolean {
  if (typeof child === 'string') return node.nodeType === Node.TEXT_NODE;
  return node instanceof Element && node.localName === child.tag && applied.has(node);
}

function update(node: Node, child: Child): void {
  if (typeof child === 'string') {
    if ((node as Text).data !== child) (node as Text).data = child;
    return;
  }
  apply(node as Element, child.attributes);
  show(node as Element, child.children);
}

function make(child: Child, parent: Element): Element | Text {
  if (typeof child === 'string') return document.createTextNode(child);
  const isSvg = child.tag === 'svg' || parent.namespaceURI === svgNamespace;
  const made = isSvg ? document.createElementNS(svgNamespace, child.tag) : document.createElement(child.tag);
  apply(made, child.attributes);
  show(made, child.children);
  return made;
}

function apply(node: Element, attributes: Attributes): void {
  const before = applied.get(node) ?? {};
  applied.set(node, attributes);
  for (const name of Object.keys(before)) if (!(name in attributes)) set(node, name, null);
  for (const [name, value] of Object.entries(attributes)) if (before[name] !== value) set(node, name, value);
}

function set(node: Element, name: string, value: Attribute): void {
  if (name.startsWith('on')) Object.assign(node, { [name]: value ?? null });
  else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? '' : String(value));
  // What a person has chosen is not what the attribute says any more.
  if (name === 'selected') (node as HTMLOptionElement).selected = value === true;
}
