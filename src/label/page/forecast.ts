import type { StudyView } from '../api.js';
import { integer, type Language, percent, points } from './format.js';
import type { Dictionary } from './i18n/en.js';

/** Less than this is no gain that a person would label pictures for: a twentieth of a percentage point. */
const NOTHING = 0.0005;

/** What a study says about more labels, in one sentence. */
export function forecastSentence(study: StudyView, text: Dictionary, language: Language): string {
  const { forecast, samples } = study;
  if (forecast === null) return text.study.tooFew(integer(samples, language));
  const gain = forecast.accuracy - forecast.now;
  const now = percent(forecast.now, language, 1);
  if (forecast.enough || gain < NOTHING) return text.study.enough(now);
  return text.study.more(
    integer(forecast.moreLabels, language),
    points(gain, language),
    now,
    percent(forecast.accuracy, language, 1),
  );
}
