/**
 * Builds the device's page into dist/page, unless what it is made of is as it was at the last build:
 * `node dist/scripts/build-page.js` after tsc; `npm run build` does both.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = join(root, 'src/label/page');
const stamp = join(root, 'dist/.page-inputs');

/** Names, sizes and times of all that the page is made of. */
function inputs(): string {
  const own = readdirSync(page, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return [...own, join(root, 'src/label/api.ts'), join(root, 'package-lock.json')]
    .sort()
    .map((file) => {
      const { size, mtimeMs } = statSync(file);
      return `${file} ${size} ${mtimeMs}`;
    })
    .join('\n');
}

const now = inputs();
const unchanged =
  existsSync(join(root, 'dist/page/index.html')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === now;
if (!unchanged) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const checked = spawnSync(process.execPath, [tsc, '-p', page], { stdio: 'inherit' });
  if (checked.status !== 0) process.exit(1);
  // Loaded only when it is needed: it takes longer than to see that nothing changed.
  const { build } = await import('vite');
  await build({ configFile: join(page, 'vite.config.ts'), logLevel: 'warn' });
  writeFileSync(stamp, now);
}
