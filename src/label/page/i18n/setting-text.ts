import type { SettingView } from '../../settings-api.js';
import type { Language } from '../format.js';
import { koSetting } from './ko-settings.js';

/** What a setting means, in the page's language; a device that is newer than the page says it in English. */
export function settingText(
  { key, description }: Pick<SettingView, 'key' | 'description'>,
  language: Language,
  variant?: string,
): string {
  return (language === 'ko' ? koSetting(key, variant) : undefined) ?? description;
}
