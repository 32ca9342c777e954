import type { Language } from '../format.js';
import { type Dictionary, en } from './en.js';
import { ko } from './ko.js';

export const dictionaries: Record<Language, Dictionary> = { en, ko };

/** The first of the languages that a browser wants and this page speaks; English where there is none. */
export function preferredLanguage(wanted: readonly string[]): Language {
  for (const one of wanted) {
    const primary = one.toLowerCase().split('-')[0];
    if (primary === 'ko' || primary === 'en') return primary;
  }
  return 'en';
}
