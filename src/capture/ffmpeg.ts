import { z } from 'zod';
import { cameraShape, retryShape } from './common-config.js';

/** A camera, a stream or a film through ffmpeg. */
export const ffmpegSchema = z.strictObject({
  kind: z.literal('ffmpeg').describe('What kind of source it is: any input of ffmpeg.'),
  input: z
    .string()
    .min(1)
    .refine((i) => !i.startsWith('-'), 'expected an address, a device or a file')
    .describe('rtsp:// or http:// address, a device such as /dev/video0, or a file.'),
  ...cameraShape,
  width: z
    .int()
    .min(32)
    .max(8192)
    .default(640)
    .describe('Wider pictures are made this wide; the network reads no more than 300 or so. Pixels.'),
  keyframes: z
    .boolean()
    .default(false)
    .describe('Decodes only the key frames of H.264 and H.265, which saves most of the work.'),
  passthrough: z
    .boolean()
    .default(false)
    .describe('Hands the pictures of an MJPEG input through as they are: no decoding, all of its pictures.'),
  arrival: z
    .boolean()
    .optional()
    .describe(
      'Takes the time of pictures from when they arrive, which motion JPEG over HTTP needs; told from the address unless given.',
    ),
  repeat: z.boolean().default(false).describe('Whether a file begins again at its end.'),
  options: z
    .array(z.string())
    .default([])
    .describe('Further options for the input, such as [-hwaccel, drm] or [-video_size, 1280x720].'),
  program: z.string().min(1).default('ffmpeg').describe('The program.'),
  ...retryShape,
});
export type FfmpegConfig = z.infer<typeof ffmpegSchema>;

/** ffmpeg's arguments: pictures of the input as JPEG, one after the other, on standard output. */
export function ffmpegArguments(config: FfmpegConfig): string[] {
  const { input, rate, width, keyframes, passthrough, options } = config;
  const filters = [
    ...(rate > 0 ? [`fps=${rate}`] : []),
    // The height stays even, which subsampled colour needs.
    `scale=w='min(${width},iw)':h=-2`,
  ];
  const output = passthrough
    ? ['-c:v', 'copy']
    : ['-vf', filters.join(','), '-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-q:v', '3'];
  return [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error'],
    ...inputOptions(config),
    // Motion JPEG over HTTP has no times; ffmpeg would take it for 25 pictures a second, however many come.
    ...((config.arrival ?? hasNoTimes(input)) ? ['-use_wallclock_as_timestamps', '1'] : []),
    ...(keyframes ? ['-skip_frame', 'nokey'] : []),
    ...options,
    ...['-i', input, '-map', '0:v:0'],
    ...output,
    ...['-f', 'mjpeg', '-flush_packets', '1', 'pipe:1'],
  ];
}

/** Whether the input has an end, where it is not begun again. */
export function isFile({ input }: Pick<FfmpegConfig, 'input'>): boolean {
  return !isDevice(input) && !/^[a-z][a-z0-9+.-]*:\/\//i.test(input);
}

/** What each kind of input needs. */
function inputOptions({ input, repeat, passthrough, ...rest }: FfmpegConfig): string[] {
  // Over TCP: lost packets of UDP are broken pictures.
  if (/^rtsps?:/i.test(input)) return ['-rtsp_transport', 'tcp'];
  if (isDevice(input)) return ['-f', 'v4l2', ...(passthrough ? ['-input_format', 'mjpeg'] : [])];
  // A file at the speed that it was filmed at.
  if (isFile({ input, ...rest })) return [...(repeat ? ['-stream_loop', '-1'] : []), '-re'];
  return [];
}

/** Whether an address may be motion JPEG: films and playlists over HTTP have times of their own. */
function hasNoTimes(input: string): boolean {
  return /^https?:/i.test(input) && !/\.(m3u8|mpd|mp4|m4v|mov|mkv|webm|flv|ts|avi)([?#]|$)/i.test(input);
}

function isDevice(input: string): boolean {
  return input.startsWith('/dev/');
}
