/** The nginx program: where it is, and the configuration that makes it a server under test. Writes no logs. */

import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { patternBytes } from '../protocol/traffic.ts';
import { backlog } from './listeners.ts';

/** Where Debian puts it, which is not on the path of everybody. */
const systemFolders = ['/usr/sbin', '/usr/local/sbin', '/usr/local/nginx/sbin', '/usr/local/bin'];
/** nginx reads no longer word in a configuration file; what is longer is served from a file. */
const longestReturnBytes = 2_048;

/** Path of nginx; null: not installed. */
export function findNginx(path: string = process.env.PATH ?? ''): string | null {
  for (const folder of [...path.split(':'), ...systemFolders]) {
    const candidate = join(folder, 'nginx');
    try {
      if (folder === '') continue;
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

export interface NginxSetting {
  readonly folder: string;
  readonly cores: readonly number[];
  /** `address:port`, ready for "listen". */
  readonly endpoints: readonly string[];
  readonly reusePort: boolean;
  readonly responseBytes: number;
  readonly connectionsPerWorker: number;
}

/** Files of a folder that nginx is started with (`nginx -p FOLDER -c nginx.conf`), by name. */
export function nginxFiles(setting: NginxSetting): Readonly<Record<string, Uint8Array>> {
  const { responseBytes } = setting;
  const body = patternBytes(responseBytes);
  const inConfiguration = responseBytes <= longestReturnBytes;
  const respond = inConfiguration
    ? `return 200 "${new TextDecoder().decode(body)}";`
    : `root ${setting.folder}/pages; try_files /body =404;`;
  const listen = setting.endpoints.map(
    (endpoint) => `listen ${endpoint} backlog=${backlog()}${setting.reusePort ? ' reuseport' : ''};`,
  );
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${setting.folder}/${kind};`,
  );
  // Workers of another user could not read a folder that is the launcher's alone.
  const user = process.getuid?.() === 0 ? 'user root root;' : '';
  const configuration = `
${user}
daemon off;
worker_processes ${setting.cores.length};
worker_cpu_affinity ${setting.cores.map((core) => `1${'0'.repeat(core)}`).join(' ')};
pid ${setting.folder}/nginx.pid;
error_log ${setting.folder}/error.log error;
events {
  use epoll;
  accept_mutex off;
  multi_accept off;
  worker_connections ${setting.connectionsPerWorker};
}
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  default_type text/plain;
  keepalive_timeout 30s;
  keepalive_requests 1000000000;
  open_file_cache max=16 inactive=1h;
  open_file_cache_valid 1h;
  ${temporary.join('\n  ')}
  server {
    ${listen.join('\n    ')}
    location = / { ${respond} }
    location = /${responseBytes} { ${respond} }
    location / { return 404; }
  }
  server {
    listen unix:${setting.folder}/status.sock;
    location / { stub_status; }
  }
}
`;
  return {
    'nginx.conf': new TextEncoder().encode(configuration),
    ...(inConfiguration ? {} : { 'pages/body': body }),
  };
}
