export { type AnySchedule, defineSchedule, type ScheduleDefinition } from "./define.ts";
export { type ScheduleConfig, scheduleFactor, type ScheduleInput, type ScheduleKind, scheduleSchema, schedules } from "./registry.ts";
