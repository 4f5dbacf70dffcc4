// Colours of series: eight hues that stay apart for red-green blind eyes (after Okabe and Ito, "Color Universal Design",
// 2008), darkened for light ground and lightened for dark. Past eight the lines are dashed, so that no two look alike
// before the thirty-third.

const kLight = ['#0072b2', '#d55e00', '#00805f', '#b8558f', '#a87400', '#2f8fc4', '#6a51a3', '#5c6670'];
const kDark = ['#4ea8e6', '#f28c4b', '#35c398', '#e59cc8', '#e8b93f', '#93d4fb', '#b6a0e6', '#a9b4be'];
const kDashes: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

export const seriesColor = (index: number, isDark: boolean): string =>
  (isDark ? kDark : kLight)[index % kLight.length] ?? kLight[0] ?? '';

export const seriesDash = (index: number): number[] => [
  ...(kDashes[Math.floor(index / kLight.length) % kDashes.length] ?? []),
];

export const frameColors = (isDark: boolean): { axis: string; grid: string } =>
  isDark ? { axis: '#9aa7b4', grid: '#232d38' } : { axis: '#55616d', grid: '#e6eaee' };
