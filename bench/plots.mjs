/*
 * Horizontal bar charts as SVG, without a library. Colours hold on light and dark pages, since each chart brings its own background.
 */

const WIDTH = 860;
const LABEL_WIDTH = 290;
const VALUE_WIDTH = 70;
const BAR_HEIGHT = 16;
const BAR_GAP = 4;
const GROUP_GAP = 34;
const TOP = 64;
const BOTTOM = 40;
const PLOT_WIDTH = WIDTH - LABEL_WIDTH - VALUE_WIDTH;

const COLOURS = { product: '#1a7f5a', middleware: '#8a94a6', library: '#b9c1cf', reference: '#dde2ea' };

/**
 * @typedef {{ label: string, kind: string, value: number, text: string }} Bar
 * @typedef {{ title: string, bars: Bar[] }} Group
 * @typedef {{ title: string, subtitle: string, footer: string, groups: Group[] }} Chart
 */

/** Bars from 0 to the highest value. @param {Chart} chart */
export function linearChart(chart) {
  const highest = Math.max(...valuesOf(chart));
  return draw(chart, (value) => value / highest);
}

/** Bars on a logarithmic scale, from a power of ten. @param {Chart} chart */
export function logarithmicChart(chart) {
  const values = valuesOf(chart);
  const lowest = Math.floor(Math.log10(Math.min(...values)));
  const highest = Math.log10(Math.max(...values));
  return draw(chart, (value) => (Math.log10(value) - lowest) / (highest - lowest));
}

function valuesOf({ groups }) {
  return groups.flatMap(({ bars }) => bars.map(({ value }) => value));
}

function draw({ title, subtitle, footer, groups }, shareOf) {
  const parts = [];
  let y = TOP;
  for (const group of groups) {
    y += GROUP_GAP;
    parts.push(text(16, y - 10, group.title, 'font-weight="600"'));
    for (const bar of group.bars) {
      parts.push(...drawBar(bar, y, shareOf(bar.value)));
      y += BAR_HEIGHT + BAR_GAP;
    }
  }
  const height = y + BOTTOM;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="#1f2733">`,
    `<title>${escapeText(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" rx="6" fill="#ffffff"/>`,
    text(16, 28, title, 'font-size="16" font-weight="600"'),
    text(16, 48, subtitle, 'fill="#5b6576"'),
    ...parts,
    text(16, height - 14, footer, 'fill="#5b6576"'),
    '</svg>',
    '',
  ].join('\n');
}

function drawBar({ label, kind, text: value }, y, share) {
  const length = Math.max(1, Math.round(share * PLOT_WIDTH));
  const baseline = y + BAR_HEIGHT - 4;
  const weight = kind === 'product' ? ' font-weight="600"' : '';
  return [
    text(LABEL_WIDTH - 8, baseline, label, `text-anchor="end"${weight}`),
    `<rect x="${LABEL_WIDTH}" y="${y}" width="${length}" height="${BAR_HEIGHT}" fill="${COLOURS[kind]}"/>`,
    text(LABEL_WIDTH + length + 6, baseline, value, `fill="#5b6576"${weight}`),
  ];
}

function text(x, y, content, attributes) {
  return `<text x="${x}" y="${y}" ${attributes}>${escapeText(content)}</text>`;
}

function escapeText(value) {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
