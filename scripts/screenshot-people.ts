/** Two people who do not exist, drawn, for the cameras of the screenshots: each frame of them is an SVG. */

export type Person = {
  readonly name: string;
  /** The room behind, from light to shade. */
  readonly wall: readonly [string, string];
  readonly skin: string;
  readonly skinShade: string;
  readonly hair: string;
  readonly clothes: string;
  readonly clothesShade: string;
  readonly style: 'bob' | 'beard';
};

export const PEOPLE: readonly [Person, Person] = [
  {
    name: 'Mara Lindqvist',
    wall: ['#d9c9b4', '#b79f84'],
    skin: '#eab894',
    skinShade: '#d79f7a',
    hair: '#4a2b20',
    clothes: '#2f6f73',
    clothesShade: '#255a5e',
    style: 'bob',
  },
  {
    name: 'Tunde Okafor',
    wall: ['#a9bcc9', '#768c9d'],
    skin: '#8d5a3b',
    skinShade: '#75472d',
    hair: '#1c1412',
    clothes: '#d98b3a',
    clothesShade: '#bd7429',
    style: 'beard',
  },
];

/** One frame of 1280 × 720. @param phase from 0 to 1, over the length of the film */
export function drawPerson(person: Person, phase: number): string {
  const turn = Math.sin(phase * 2 * Math.PI);
  const nod = Math.sin(phase * 4 * Math.PI);
  const blink = phase > 0.47 && phase < 0.5 ? 0.12 : 1;
  const head = `translate(${640 + turn * 7} ${318 + nod * 3}) rotate(${turn * 1.6})`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="1280" height="720" viewBox="0 0 1280 720">
  <defs>
    <linearGradient id="wall" x1="0" y1="0" x2="1" y2="1">
      <stop offset="0" stop-color="${person.wall[0]}"/><stop offset="1" stop-color="${person.wall[1]}"/>
    </linearGradient>
    <radialGradient id="lamp"><stop offset="0" stop-color="#fff6dd" stop-opacity=".9"/><stop offset="1" stop-color="#fff6dd" stop-opacity="0"/></radialGradient>
    <linearGradient id="cloth" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="${person.clothes}"/><stop offset="1" stop-color="${person.clothesShade}"/>
    </linearGradient>
    <filter id="far"><feGaussianBlur stdDeviation="7"/></filter>
    <filter id="soft"><feGaussianBlur stdDeviation="10"/></filter>
    <clipPath id="face"><path d="M-92 -40 C-96 60 -60 138 0 140 C60 138 96 60 92 -40 C88 -140 -88 -140 -92 -40z"/></clipPath>
  </defs>
  <rect width="1280" height="720" fill="url(#wall)"/>
  ${person.style === 'bob' ? shelf() : window_()}
  <g transform="translate(0 ${nod * 1.5})">
    <path d="M250 760 C262 590 370 548 520 520 L640 500 L760 520 C910 548 1018 590 1030 760z" fill="url(#cloth)"/>
    <path d="M548 512 C570 590 710 590 732 512 L700 470 L580 470z" fill="${person.skinShade}"/>
    ${
      person.style === 'bob'
        ? `<path d="M530 514 C566 610 714 610 750 514 L774 524 C740 650 540 650 506 524z" fill="${person.clothesShade}"/>`
        : `<path d="M536 512 L640 628 L744 512 L792 530 L668 700 L612 700 L488 530z" fill="#f3efe8"/><path d="M640 628 L612 700 L668 700z" fill="#ddd6ca"/>`
    }
  </g>
  <g transform="${head}">
    ${person.style === 'bob' ? hairBehind(person) : ''}
    <path d="M-52 90 L-56 205 C-30 238 30 238 56 205 L52 90z" fill="${person.skinShade}"/>
    <ellipse cx="-94" cy="12" rx="15" ry="27" fill="${person.skinShade}"/><ellipse cx="94" cy="12" rx="15" ry="27" fill="${person.skinShade}"/>
    <path d="M-92 -40 C-96 60 -60 138 0 140 C60 138 96 60 92 -40 C88 -140 -88 -140 -92 -40z" fill="${person.skin}"/>
    <g clip-path="url(#face)">
      <ellipse cx="74" cy="30" rx="44" ry="130" fill="${person.skinShade}" opacity=".45" filter="url(#soft)"/>
      ${person.style === 'beard' ? beard(person) : ''}
    </g>
    <g fill="#2a1c17" transform="translate(${turn * 3} 0)">
      <ellipse cx="-37" cy="4" rx="8.5" ry="${9.5 * blink}"/><ellipse cx="37" cy="4" rx="8.500" ry="${9.5 * blink}"/>
      <path d="M-58 -24 Q-38 -36 -18 -25" fill="none" stroke="${person.hair}" stroke-width="7" stroke-linecap="round"/>
      <path d="M58 -24 Q38 -36 18 -25" fill="none" stroke="${person.hair}" stroke-width="7" stroke-linecap="round"/>
      <path d="M-2 10 Q-14 48 4 52" fill="none" stroke="${person.skinShade}" stroke-width="6" stroke-linecap="round"/>
      <path d="M-30 ${82} Q0 ${104 + turn * 3} 30 82" fill="none" stroke="#8c3b35" stroke-width="7" stroke-linecap="round"/>
      ${
        person.style === 'bob'
          ? `<g fill="none" stroke="#30323a" stroke-width="5"><circle cx="-37" cy="5" r="27"/><circle cx="37" cy="5" r="27"/><path d="M-10 2 Q0 -4 10 2M-64 0 L-90 -6M64 0 L90 -6"/></g>`
          : ''
      }
    </g>
    ${person.style === 'bob' ? fringe(person) : crop(person)}
  </g>
</svg>`;
}

function hairBehind({ hair }: Person): string {
  return `<path d="M-118 -30 C-132 -170 132 -170 118 -30 C122 60 132 120 104 168 C60 190 -60 190 -104 168 C-132 120 -122 60 -118 -30z" fill="${hair}"/>`;
}

function fringe({ hair }: Person): string {
  return `<path d="M-108 20 C-124 -150 -30 -156 10 -148 C110 -150 124 -40 108 24 C100 -30 84 -64 52 -84 C10 -58 -62 -54 -84 -50 C-96 -30 -104 -10 -108 20z" fill="${hair}"/>`;
}

function crop({ hair }: Person): string {
  return `<path d="M-98 -14 C-112 -150 -50 -158 0 -156 C50 -158 112 -150 98 -14 C92 -50 84 -74 66 -88 C30 -104 -30 -104 -66 -88 C-84 -74 -92 -50 -98 -14z" fill="${hair}"/>`;
}

function beard({ hair }: Person): string {
  return `<path d="M-100 20 C-84 62 -66 62 -40 62 C-20 52 20 52 40 62 C66 62 84 62 100 20 L100 160 L-100 160z" fill="${hair}" opacity=".93"/><path d="M-34 78 Q0 66 34 78 Q0 108 -34 78z" fill="#6d3a2b"/>`;
}

function shelf(): string {
  const books = ['#7d4a3c', '#40645f', '#b98a3e', '#56607a', '#8f5b68', '#3f5a4b', '#a56a43', '#6a6f58'];
  const row = (y: number, from: number): string =>
    books
      .map((colour, index) => {
        const height = 92 + ((index * 37 + from) % 40);
        return `<rect x="${870 + index * 44}" y="${y - height}" width="36" height="${height}" rx="3" fill="${books[(index + from) % 8] ?? colour}"/>`;
      })
      .join('');
  return `<g filter="url(#far)">
    <circle cx="210" cy="170" r="230" fill="url(#lamp)"/>
    <path d="M150 120 L270 120 L300 220 L120 220z" fill="#f4e6c6"/><rect x="204" y="220" width="12" height="500" fill="#6b5a48"/>
    <rect x="850" y="190" width="400" height="16" fill="#8d7458"/><rect x="850" y="400" width="400" height="16" fill="#8d7458"/><rect x="850" y="610" width="400" height="16" fill="#8d7458"/>
    ${row(190, 0)}${row(400, 3)}${row(610, 6)}
  </g>`;
}

function window_(): string {
  return `<g filter="url(#far)">
    <rect x="70" y="60" width="330" height="430" fill="#e8f1f6"/><rect x="70" y="300" width="330" height="190" fill="#b9cfc0"/>
    <path d="M70 60h330v430h-330zM235 60v430M70 275h330" fill="none" stroke="#f7f5f0" stroke-width="16"/>
    <rect x="960" y="90" width="210" height="270" fill="#e9e2d4"/><circle cx="1065" cy="200" r="58" fill="#c8743c"/><path d="M985 330 L1065 240 L1145 330z" fill="#46606b"/>
    <path d="M1110 720 C1090 600 1010 590 1000 520 C1080 540 1110 590 1120 640 C1130 560 1180 500 1250 490 C1240 580 1180 620 1140 720z" fill="#4d7a5a"/>
    <rect x="1070" y="660" width="110" height="80" fill="#b5623f"/>
  </g>`;
}
