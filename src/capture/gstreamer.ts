import { z } from 'zod';
import { cameraShape, retryShape } from './common-config.js';

/** A camera through GStreamer's gst-launch-1.0. */
export const gstreamerSchema = z
  .strictObject({
    kind: z.literal('gstreamer').describe('What kind of source it is: a pipeline of GStreamer.'),
    ...cameraShape,
    jetson: z
      .strictObject({
        sensor: z.int().min(0).default(0).describe('Which of the CSI cameras.'),
        width: z.int().min(64).max(16_384).default(1280).describe('Width that the sensor gives; pixels.'),
        height: z.int().min(64).max(16_384).default(720).describe('Height that the sensor gives; pixels.'),
        framerate: z.int().min(1).max(240).default(30).describe('Frames a second that the sensor gives.'),
        outputWidth: z.int().min(32).max(8192).default(640).describe('Width of the pictures; pixels.'),
        outputHeight: z.int().min(32).max(8192).default(360).describe('Height of the pictures; pixels.'),
      })
      .optional()
      .describe("A Jetson's CSI camera (nvarguscamerasrc), scaled and encoded by its hardware."),
    pipeline: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Any other camera: elements that give raw video, in gst-launch's words, such as 'v4l2src device=/dev/video0'.",
      ),
    width: z
      .int()
      .min(32)
      .max(8192)
      .optional()
      .describe('Width of the pictures of a `pipeline`; as they come unless given; pixels.'),
    height: z.int().min(32).max(8192).optional().describe('Height of the pictures of a `pipeline`; pixels.'),
    program: z.string().min(1).default('gst-launch-1.0').describe('The program.'),
    ...retryShape,
  })
  .refine((s) => (s.jetson === undefined) !== (s.pipeline === undefined), {
    error: 'a source of GStreamer needs a `pipeline` or `jetson`, one of them',
    path: ['pipeline'],
  })
  .refine((s) => (s.width === undefined) === (s.height === undefined), {
    error: 'width and height belong together',
    path: ['height'],
  });
export type GstreamerConfig = z.infer<typeof gstreamerSchema>;

/** Arguments of gst-launch-1.0: pictures as JPEG, one after the other, on standard output. */
export function gstreamerArguments({ jetson, pipeline, rate, width, height }: GstreamerConfig): string[] {
  const slower =
    rate > 0 ? [...link('videorate drop-only=true'), '!', `video/x-raw,framerate=${fractionOf(rate)}`] : [];
  const elements = jetson
    ? jetsonElements(jetson, rate)
    : [
        ...pipeline!.trim().split(/\s+/),
        ...link('decodebin'),
        // Dropped before they are converted.
        ...slower,
        ...link('videoconvert'),
        ...(width !== undefined && height !== undefined
          ? [...link('videoscale'), '!', `video/x-raw,width=${width},height=${height}`]
          : []),
        ...link('jpegenc quality=90'),
      ];
  return ['-q', ...elements, ...link('fdsink fd=1')];
}

/** NVIDIA's elements keep the pictures in the memory of its hardware until they are JPEG. */
function jetsonElements(jetson: NonNullable<GstreamerConfig['jetson']>, rate: number): string[] {
  const { sensor, width, height, framerate, outputWidth, outputHeight } = jetson;
  const size = (w: number, h: number) => `width=${w},height=${h}`;
  return [
    ...['nvarguscamerasrc', `sensor-id=${sensor}`, '!'],
    `video/x-raw(memory:NVMM),${size(width, height)},framerate=${framerate}/1`,
    ...(rate > 0
      ? [...link('videorate drop-only=true'), '!', `video/x-raw(memory:NVMM),framerate=${fractionOf(rate)}`]
      : []),
    ...link('nvvidconv'),
    ...['!', `video/x-raw(memory:NVMM),format=I420,${size(outputWidth, outputHeight)}`],
    ...link('nvjpegenc quality=90'),
  ];
}

/** An element, linked to what stands before it. */
function link(element: string): string[] {
  return ['!', ...element.split(' ')];
}

/** A rate as GStreamer writes it. */
function fractionOf(rate: number): string {
  return Number.isInteger(rate) ? `${rate}/1` : `${Math.round(rate * 1000)}/1000`;
}
