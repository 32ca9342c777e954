import type { SettingView } from '../../settings-api.js';
import type { Language } from '../format.js';
import { settingText } from '../i18n/setting-text.js';

/** The settings that hold every word of the query in their key, their description or their value. */
export function matchSettings(
  settings: readonly SettingView[],
  query: string,
  language: Language,
): SettingView[] {
  const words = query.trim().toLowerCase().split(/\s+/).filter(Boolean);
  return settings.filter((setting) => {
    const { key, value } = setting;
    const text = `${key} ${settingText(setting, language)} ${value}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** Settings under the first part of their key; those of one part alone come first, under no name. */
export function groupSettings(
  settings: readonly SettingView[],
): { group: string; settings: SettingView[] }[] {
  const groups = new Map<string, SettingView[]>();
  for (const setting of settings) {
    const group = setting.key.includes('.') ? setting.key.slice(0, setting.key.indexOf('.')) : '';
    groups.set(group, [...(groups.get(group) ?? []), setting]);
  }
  return [...groups]
    .map(([group, members]) => ({ group, settings: members }))
    .sort((a, b) => Number(b.group === '') - Number(a.group === ''));
}
