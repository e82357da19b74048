export async function runLegacy(): Promise<number> {
  return 1;
}
