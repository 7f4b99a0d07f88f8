/**
 * Finds the checkboxes on a picture of a form and says which are filled, in a browser, in Node, or wherever WebAssembly
 * runs. `createDetector` works in a worker and answers with promises; `Detector` is synchronous.
 */
export { type CallOptions, type CheckboxDetector, createDetector, type DetectorOptions } from './client.js';
export { Detector } from './detector.js';
export { DetectorError, type ErrorCode } from './errors.js';
export type { AnyWorker, WorkerSource, WorkerThread } from './host.js';
export type {
  AnnotateOptions,
  BoundingBox,
  CheckboxClass,
  Detection,
  DetectionResult,
  DetectOptions,
  ErrorResult,
  ImageInput,
  ModuleInfo,
  ModuleSource,
  Progress,
} from './types.js';
