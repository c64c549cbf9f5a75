export function drawCharts(): void {}
