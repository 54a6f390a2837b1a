export { type PlateauConfig, plateau, plateauFactors, plateauSchema } from "./plateau.ts";
export {
  type ScheduleConfig,
  type ScheduleInput,
  scheduleFactor,
  scheduleSchema,
  schedules,
} from "./registry.ts";
