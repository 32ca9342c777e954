/** Numbers and times as people read them; a module of the page's script. */
export const formatScript = `
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** 13.4 MB: decimal units, at most three digits. */
export function bytes(count) {
  if (count < 1000) return count + ' B';
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = count / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return Number(value.toPrecision(3)) + '\\u00a0' + units[unit];
}

export function integer(count) {
  return number.format(count);
}

export function percent(share, digits = 1) {
  return (100 * share).toFixed(digits) + '\\u00a0%';
}

export function plural(count, one, many = one + 's') {
  return integer(count) + ' ' + (count === 1 ? one : many);
}

/** 3 h 12 min */
export function duration(seconds) {
  if (seconds < 60) return Math.floor(seconds) + ' s';
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes + ' min';
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return hours + ' h ' + (minutes % 60) + ' min';
  return Math.floor(hours / 24) + ' days';
}

export function ago(iso) {
  const seconds = (Date.now() - Date.parse(iso)) / 1000;
  return seconds < 5 ? 'now' : duration(seconds) + ' ago';
}

export function servedVersion(version) {
  return version === 'instant' ? 'instant' : 'version ' + version;
}
`;
