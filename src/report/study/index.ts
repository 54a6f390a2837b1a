export { studyDrawing } from "./drawing-file.ts";
export { studyMarkdown } from "./markdown.ts";
export { renderStudy } from "./page.ts";
export { type StudyTable, tableOf } from "./table.ts";
export { holdsText, summaryText, verdictText } from "./verdict-text.ts";
