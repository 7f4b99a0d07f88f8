/** What a checkbox is. */
export type CheckboxClass = "empty_checkbox" | "filled_checkbox";

/** A rectangle in pixels of the upright page (EXIF orientation applied); x2 and y2 are one past the last pixel. */
export interface BoundingBox {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

/** One checkbox. */
export interface Detection {
  class: CheckboxClass;
  /** Probability that this is a checkbox, 0 to 1, to three decimals. */
  confidence: number;
  bbox: BoundingBox;
}

/** The answer for one page. Its schema is `result.schema.json`. */
export interface DetectionResult {
  success: true;
  /** Size of the upright page in pixels. */
  image: { width: number; height: number };
  /** In reading order. */
  detections: Detection[];
  counts: Record<CheckboxClass, number>;
  total: number;
  /** Version of the network that answered. */
  model: string;
}

/** The answer where there is none; `detect` and `annotate` throw it. */
export interface ErrorResult {
  success: false;
  /** Stable, for programs. */
  code: string;
  /** Words for a person. */
  detail: string;
}

export interface DetectOptions {
  /** Least confidence of a reported box, 0 to 1; `info().conf` if not given. */
  conf?: number | undefined;
}

export interface AnnotateOptions extends DetectOptions {
  /** How the picture is stored; "jpeg" if not given. */
  format?: "jpeg" | "png" | undefined;
}

/** What this build is and does. */
export interface ModuleInfo {
  name: string;
  version: string;
  model: { version: string; sha256: string };
  classes: [CheckboxClass, CheckboxClass];
  formats: string[];
  /** Confidence used where none is asked for. */
  conf: number;
  limits: {
    max_bytes: number;
    max_pixels: number;
    max_side: number;
    min_side: number;
    max_decoded_bytes: number;
    max_detections: number;
  };
}
