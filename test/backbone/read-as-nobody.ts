/** Reads a picture as the user nobody and prints why it cannot: node ... read-as-nobody.ts FILE */
import { readPicture, UnreadablePicture } from '../../src/backbone/picture.js';

process.setgroups!([]);
process.setgid!(65_534);
process.setuid!(65_534);
const spec = { width: 8, height: 8, mean: 0, std: 1, layout: 'NCHW', colour: 'RGB' } as const;
try {
  await readPicture(process.argv[2]!, spec);
  console.log('read');
} catch (error) {
  console.log(error instanceof UnreadablePicture ? error.reason : String(error));
}
