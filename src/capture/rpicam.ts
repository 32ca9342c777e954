import { z } from 'zod';
import { duration } from '../config/units.js';
import { cameraShape, retryShape } from './common-config.js';

/** A Raspberry Pi's camera through rpicam-apps. */
export const rpicamSchema = z.strictObject({
  kind: z.literal('rpicam').describe("What kind of source it is: a Raspberry Pi's camera."),
  ...cameraShape,
  camera: z.int().min(0).default(0).describe('Which camera, as `rpicam-hello --list-cameras` counts them.'),
  width: z.int().min(64).max(16_384).default(640).describe('Width of the pictures; pixels.'),
  height: z.int().min(64).max(16_384).default(480).describe('Height of the pictures; pixels.'),
  still: duration(1000)
    .optional()
    .describe(
      'Takes single pictures this often with rpicam-still, and turns the camera off in between; a stream unless given.',
    ),
  options: z
    .array(z.string())
    .default([])
    .describe('Further options of the program, such as [--rotation, "180"] or [--tuning-file, noir.json].'),
  program: z
    .string()
    .min(1)
    .optional()
    .describe('The program; rpicam-vid or rpicam-still unless given, libcamera-vid on Raspberry Pi OS 11.'),
  ...retryShape,
});
export type RpicamConfig = z.infer<typeof rpicamSchema>;

/** Frames a second of a camera that is looked at at every frame. */
const MAX_RATE = 30;
/** How long the camera measures the light before a single picture; milliseconds, as rpicam-still counts. */
const SETTLE_MS = 1000;

/** Arguments of rpicam-vid: a motion JPEG on standard output, without a preview, until it is ended. */
export function rpicamVideoArguments({ rate, ...config }: RpicamConfig): string[] {
  const framerate = rate > 0 ? rate : MAX_RATE;
  return [...['-t', '0', '--codec', 'mjpeg', '--framerate', String(framerate), '--flush'], ...common(config)];
}

/** Arguments of rpicam-still: one JPEG on standard output, without a preview. */
export function rpicamStillArguments(config: Omit<RpicamConfig, 'rate'>): string[] {
  return ['-t', String(SETTLE_MS), '--encoding', 'jpg', '--thumb', 'none', ...common(config)];
}

function common({ camera, width, height, options }: Omit<RpicamConfig, 'rate'>): string[] {
  const size = ['--width', String(width), '--height', String(height)];
  return ['-n', '--camera', String(camera), ...size, ...options, '-o', '-'];
}
