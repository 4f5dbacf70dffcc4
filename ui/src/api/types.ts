// What the Prometheus HTTP API answers, as far as the interface reads it.

export type Labels = Readonly<Record<string, string>>;

/// A value in an answer: Unix seconds and the number as text ("NaN" and "+Inf" included).
export type Point = [number, string];

export interface Envelope<T> {
  status: 'success' | 'error';
  data?: T;
  error?: string;
  errorType?: string;
  warnings?: string[];
  infos?: string[];
}

/// An answer that succeeded, with what the server had to say about it and how long it took as seen from here.
export interface Answer<T> {
  data: T;
  warnings: readonly string[];
  infos: readonly string[];
  tookMs: number;
}

export interface HistogramValue {
  count: string;
  sum: string;
  buckets?: [number, string, string, string][];
}

export interface VectorItem {
  metric: Labels;
  value?: Point;
  histogram?: [number, HistogramValue];
}

export interface MatrixItem {
  metric: Labels;
  values?: Point[];
  histograms?: [number, HistogramValue][];
}

export type QueryData =
  | { resultType: 'vector'; result: VectorItem[] }
  | { resultType: 'matrix'; result: MatrixItem[] }
  | { resultType: 'scalar'; result: Point }
  | { resultType: 'string'; result: Point };

export interface MetricMetadata {
  type: string;
  help: string;
  unit?: string;
}

export type TargetHealth = 'up' | 'down' | 'unknown';

export interface ActiveTarget {
  discoveredLabels: Labels;
  labels: Labels;
  scrapePool: string;
  scrapeUrl: string;
  globalUrl?: string;
  lastError: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: TargetHealth;
  scrapeInterval?: string;
  scrapeTimeout?: string;
}

export interface Targets {
  activeTargets: ActiveTarget[];
  droppedTargets?: { discoveredLabels: Labels; scrapePool?: string }[];
  droppedTargetCounts?: Record<string, number>;
}

export interface NameValue {
  name: string;
  value: number;
}

/// Of storage as a whole; the times in milliseconds, absent while there are no samples.
export interface StorageStatus {
  state: 'ok' | 'disk-low' | 'read-only';
  reason: string;
  retention: string;
  minTime?: number;
  maxTime?: number;
  headSeries: number;
  headMemoryBytes: number;
  headBytesPerSeries: number;
  logBytes: number;
  logCorruptions: number;
  blocks: number;
  blockBytes: number;
  blockSamples: number;
  diskTotalBytes: number;
  diskAvailableBytes: number;
  damage: string[];
}

export interface TsdbStatus {
  headStats?: Record<string, number>;
  seriesCountByMetricName?: NameValue[];
  labelValueCountByLabelName?: NameValue[];
  memoryInBytesByLabelName?: NameValue[];
  seriesCountByLabelValuePair?: NameValue[];
  memoryInBytesByPart?: NameValue[];
}
