import { resolve } from 'node:path';
import { LichenError } from '../errors.js';
import { type SourceConfig, sourceName } from './config.js';
import type { CaptureContext } from './context.js';
import { DirectorySource } from './directory.js';
import type { DirectoryConfig } from './directory-config.js';
import { ffmpegArguments, isFile } from './ffmpeg.js';
import { gstreamerArguments } from './gstreamer.js';
import { HttpPost } from './http-post.js';
import { MqttPictures } from './mqtt-pictures.js';
import { onePicture } from './one-picture.js';
import { openCamera, openPolledCamera, openProgramCamera } from './open-camera.js';
import { type RpicamConfig, rpicamStillArguments, rpicamVideoArguments } from './rpicam.js';
import { openSamples, openSound } from './signal/open-signal.js';
import { WavPictures } from './signal/wav-pictures.js';
import { SnapshotClient } from './snapshot.js';
import type { Source } from './source.js';

/** Pictures over MQTT that may wait: several cameras may publish at once. */
const MQTT_QUEUE = 32;

/** Makes the sources that a configuration names. @throws LichenError where the device lacks what one needs */
export function openSources(configs: readonly SourceConfig[], context: CaptureContext): Source[] {
  return configs.map((config, place) => openSource(config, sourceName(config, place), context));
}

/** Makes the source that a configuration names; a new kind is a new case. */
export function openSource(config: SourceConfig, name: string, context: CaptureContext): Source {
  switch (config.kind) {
    case 'directory':
      return openDirectory(config, name, context);
    case 'ffmpeg':
      return openProgramCamera(config, name, ffmpegArguments(config), context, !isFile(config));
    case 'rpicam':
      return openRpicam(config, name, context);
    case 'gstreamer':
      return openProgramCamera(config, name, gstreamerArguments(config), context);
    case 'snapshot': {
      const client = new SnapshotClient(config);
      return openPolledCamera(config, name, config.every, (signal) => client.take(signal), context);
    }
    case 'mqtt':
      return openCamera(
        config,
        name,
        new MqttPictures(context.feed(config.broker), config),
        context,
        MQTT_QUEUE,
      );
    case 'sound':
      return openSound(config, name, context);
    case 'samples':
      return openSamples(config, name, context);
    case 'http-post':
      if (context.server) return new HttpPost(config, name, context.server, context.taskOfLabels);
      throw new LichenError(
        'http-off',
        `The source '${name}' takes pictures over HTTP, but the device has no web server. Set http.port and http.token.`,
      );
  }
}

function openDirectory(config: DirectoryConfig, name: string, context: CaptureContext): Source {
  const { sound, path, ...options } = config;
  const pictures = sound && new WavPictures(sound, name, resolve(path), context);
  return new DirectorySource({ ...options, path, name }, context.seen, context.log, pictures);
}

function openRpicam(config: RpicamConfig, name: string, context: CaptureContext): Source {
  const { still, maxBytes } = config;
  if (still === undefined) {
    const program = config.program ?? 'rpicam-vid';
    return openProgramCamera({ ...config, program }, name, rpicamVideoArguments(config), context);
  }
  const program = config.program ?? 'rpicam-still';
  const args = rpicamStillArguments(config);
  return openPolledCamera(config, name, still, (s) => onePicture(program, args, maxBytes, s), context);
}
