/** Korean particles come in two forms: after a consonant, and after a vowel. */
export type Particle = '이/가' | '을/를' | '은/는' | '으로/로' | '이라고/라고';

/** Digits are read 영 일 이 삼 사 오 육 칠 팔 구. */
const DIGITS: Record<string, Ending> = {
  '0': 'consonant',
  '1': 'rieul',
  '2': 'vowel',
  '3': 'consonant',
  '4': 'vowel',
  '5': 'vowel',
  '6': 'consonant',
  '7': 'rieul',
  '8': 'rieul',
  '9': 'vowel',
};

type Ending = 'vowel' | 'consonant' | 'rieul';

/**
 * A name with the particle that goes with its last sound. `으로` is `로` after a vowel and after ㄹ. A Latin word is
 * taken to end as it is mostly read: l, m and n are finals of a Korean syllable, also before a silent e, and so are k,
 * p, t after a vowel.
 */
export function withParticle(name: string, particle: Particle): string {
  const [closed, open] = particle.split('/') as [string, string];
  const end = ending(name);
  const vowelForm = end === 'vowel' || (end === 'rieul' && particle === '으로/로');
  return `${name}${vowelForm ? open : closed}`;
}

function ending(name: string): Ending {
  // Read 퍼센트.
  if (name.endsWith('%')) return 'vowel';
  const letters = name.replace(/[^\p{L}\p{N}]+$/u, '').toLowerCase();
  const last = letters.at(-1) ?? '';
  const code = last.charCodeAt(0);
  if (code >= 0xac00 && code <= 0xd7a3) {
    const final = (code - 0xac00) % 28;
    return final === 0 ? 'vowel' : final === 8 ? 'rieul' : 'consonant';
  }
  if (DIGITS[last] !== undefined) return DIGITS[last];
  if (/le?$/.test(letters)) return 'rieul';
  return /(?:[mn]|ng|[aeiou][mn]e|[aeiou][kpt])$/.test(letters) ? 'consonant' : 'vowel';
}
