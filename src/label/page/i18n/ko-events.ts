import type { EventData, EventKind } from '../../../link/event-data.js';
import { percent } from '../format.js';
import { hindranceText } from './hindrance.js';
import { withParticle } from './particle.js';

const share = (accuracy: number) => percent(accuracy, 'ko', 1);
const runs = (version: number | 'instant') => (version === 'instant' ? '즉석 답' : `버전 ${version}`);

/** Why a training failed, by the error's code; any other one is told by its reason. */
const FAILURES: Readonly<Record<string, string>> = {
  'learn-aborted': '기기를 멈추고 있어 학습을 그만두었습니다',
  'learn-diverged': '학습이 수렴하지 않아 그만두었습니다. 지금까지의 답은 그대로입니다',
  'learn-no-samples': '학습할 사진이 아직 모자랍니다',
  'memory-cap': '정해 둔 메모리 한도 안에서는 학습할 수 없습니다',
  'task-closed': '마감된 작업이라 학습하지 않습니다',
};

function measured({ heldOutAccuracy, instantAccuracy }: EventData['promoted']): string {
  if (heldOutAccuracy === null) return '';
  const instant = instantAccuracy === null ? '' : `, 즉석 답은 ${share(instantAccuracy)}`;
  return ` 시험용 사진에서 정확도는 ${share(heldOutAccuracy)}${instant}입니다.`;
}

/** What happened, from the data of the event. What a program or an error said word for word is not in here. */
export const koEvents: { [K in EventKind]: (data: EventData[K]) => string } = {
  'picture-set-aside': ({ path }) => `사진을 쓸 수 없어 따로 두었습니다: ${path}`,
  'source-failed': ({ source }) => `${source}에서 사진을 받지 못하고 있습니다. 다시 시도하고 있습니다.`,
  'source-works': ({ source }) => `${source}에서 다시 사진이 들어옵니다.`,
  drift: ({ source, kind }) =>
    `${source}의 사진이 ${
      kind === 'novelty' ? '배운 것과 달라졌습니다' : '전보다 확실하지 않게 답해지고 있습니다'
    }. 몇 장에 레이블을 붙이거나 새 작업을 시작해 주세요.`,
  'task-opened': ({ task, source, like }) =>
    `${source}의 사진이 ${like} 작업의 것이 아니어서 ${task} 작업을 새로 만들었습니다. 몇 장에 레이블을 붙여 주세요.`,
  'training-started': ({ task }) => `${task} 작업의 학습을 시작했습니다.`,
  'training-failed': ({ task, code, hindrance }) => {
    const why = hindrance ? `지금은 학습할 수 없습니다: ${hindranceText(hindrance, 'ko')}` : FAILURES[code];
    return `${task} 작업을 학습하지 못했습니다.${why === undefined ? '' : ` ${why}.`}`;
  },
  promoted: (data) =>
    `${data.task} 작업을 학습했고, 이제 버전 ${withParticle(String(data.version), '이/가')} 답합니다.${measured(data)}`,
  'candidate-kept': (data) =>
    `${data.task} 작업의 버전 ${withParticle(String(data.version), '을/를')} 학습했지만 지금 답하는 것보다 낫지 않아 후보로만 남겨 두었습니다.${measured(data)}`,
  'changed-along': ({ task, trained, version, before, after }) =>
    `${trained} 작업을 학습하면서 같은 네트워크를 쓰는 ${task} 작업도 ${withParticle(runs(version), '으로/로')} 바뀌었습니다.${
      before === null || after === null
        ? ''
        : ` 정확도는 ${share(before)}에서 ${withParticle(share(after), '이/가')} 되었습니다.`
    }`,
  'rolled-back': ({ task, version }) =>
    `${task} 작업을 ${withParticle(runs(version), '으로/로')} 되돌렸습니다.`,
  'task-closed': ({ task }) => `${task} 작업을 마감했습니다. 답은 1비트도 바뀌지 않습니다.`,
  'pack-offered': ({ task, version }) =>
    `${task} 작업의 버전 ${withParticle(String(version), '이/가')} 팩으로 왔습니다. 설치를 허락하실 때까지 기다립니다.`,
  'pack-installed': ({ task, version, accuracy }) =>
    `팩으로 온 ${task} 작업의 버전 ${withParticle(String(version), '을/를')} 설치했습니다.${
      accuracy === null
        ? ' 이 기기에는 비교할 시험용 사진이 없습니다.'
        : ` 이 기기의 시험용 사진에서 정확도는 ${share(accuracy)}입니다.`
    }`,
  'pack-kept': ({ task, version, accuracy }) =>
    `팩으로 온 ${task} 작업의 버전 ${withParticle(String(version), '은/는')} 지금 답하는 것보다 낫지 않아 쓰지 않습니다.${
      accuracy === null ? '' : ` 이 기기의 시험용 사진에서 정확도는 ${share(accuracy)}입니다.`
    }`,
  'pack-refused': () => '팩을 받아들이지 않았습니다.',
};
