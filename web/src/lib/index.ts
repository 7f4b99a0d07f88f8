/**
 * Finds the checkboxes on a picture of a form and says which are filled, in a browser, in Node, or wherever WebAssembly
 * runs. `createDetector` works in a worker and answers with promises; `Detector` is synchronous.
 * @module checkbox-detector
 */
export type { Outcome } from './batch.js';
export {
  type CallOptions,
  type CheckboxDetector,
  createDetector,
  type DetectAllOptions,
  type DetectorOptions,
} from './client.js';
export { Detector } from './detector.js';
export type { EndpointOptions } from './endpoint.js';
export { DetectorError, type EndpointCode, type ErrorCode, type HostCode, type ModuleCode } from './errors.js';
export type { AnyWorker, WorkerSource, WorkerThread } from './host.js';
export type {
  AnnotateOptions,
  BoundingBox,
  CheckboxClass,
  Detection,
  DetectionResult,
  DetectOptions,
  DetectResult,
  EncodedInput,
  ErrorResult,
  ImageInput,
  ModuleInfo,
  ModuleSource,
  PixelInput,
  Pixels,
  Progress,
  RanOn,
} from './types.js';
