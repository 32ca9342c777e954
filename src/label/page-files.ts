import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LichenError } from '../errors.js';

/** A file of the page, ready to be sent. */
export interface PageFile {
  contentType: string;
  cacheControl: string;
  body: Buffer;
}

const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Where the build puts the page, seen from the compiled file and from the source. */
const BUILT = ['../../page/', '../../dist/page/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/**
 * The files of the built page by URL path; `/` is its HTML. What has a hash in its name may be kept for ever, the HTML
 * is asked for each time. They are read once: a page that is built anew serves after a restart.
 *
 * @param folder where the page was built; the project's own build by default.
 * @throws LichenError `page-missing` where it was not built, or holds a kind of file that is not known.
 */
export function readPageFiles(
  folder: string | undefined = BUILT.find(hasPage),
): ReadonlyMap<string, PageFile> {
  if (folder === undefined || !hasPage(folder)) {
    throw new LichenError(
      'page-missing',
      `The device's page is not built: there is no ${join(folder ?? BUILT[0]!, 'index.html')}. Run 'npm run build'.`,
    );
  }
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(files.map((file) => [urlPath(folder, file), pageFile(folder, file)]));
}

function hasPage(folder: string): boolean {
  return existsSync(join(folder, 'index.html'));
}

function urlPath(folder: string, file: string): string {
  const path = `/${relative(folder, file).split(sep).join('/')}`;
  return path === '/index.html' ? '/' : path;
}

function pageFile(folder: string, file: string): PageFile {
  const contentType = CONTENT_TYPES[extname(file)];
  if (contentType === undefined) {
    throw new LichenError(
      'page-missing',
      `${file} is no file of the page: expected ${Object.keys(CONTENT_TYPES).join(', ')}. Empty ${folder} and run 'npm run build'.`,
    );
  }
  const hashed = urlPath(folder, file).startsWith('/assets/');
  return {
    contentType,
    cacheControl: hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    body: readFileSync(file),
  };
}
