/**
 * The library. Everything a program needs to describe builds, run them in a sealed sandbox and use what they made.
 * See docs/library.md for an example of each part.
 */
export { AirplantError, type ErrorCode, errorCatalogue, isAirplantError } from './base/errors.js';
export type { BuildEvent, BuildEventType } from './base/events.js';
export type { BuildReport, BuildRun } from './build/builder.js';
export type { CheckReport, CheckRun } from './build/check/check-run.js';
export type { CheckedOutput, CheckOptions, CheckResult, CheckRound } from './build/check/records.js';
export type { Culprit, CulpritKind } from './build/explain/culprit.js';
export type { Explanation } from './build/explain/explain-build.js';
export type { BuildFailure, BuildResult, BuildStatus, Plan, PlannedBuild, Wanted } from './build/records.js';
export type { VerifyOptions, VerifyReport } from './build/verify-and-repair.js';
export type { SettingsInput } from './config/load.js';
export type { Settings } from './config/settings.js';
export { derivation, source, storePath, toFile } from './derivation/author/default.js';
export { createEvaluator, type DerivationAttributes, type Evaluator } from './derivation/author/evaluator.js';
export type { SourceFilter } from './derivation/author/objects.js';
export type { AnyDerivation, DerivationValue, StoreFile } from './derivation/author/values.js';
export type { Derivation, DerivationOutput } from './derivation/derivation.js';
export { NarAccessor, type NarAccessorOptions } from './formats/nar/accessor.js';
export type { ByteRanges } from './formats/nar/byte-ranges.js';
export type { ListedNode, NarListing } from './formats/nar/listing.js';
export type { NarEntry } from './formats/nar/resolve.js';
export { type Buildable, type EnterFailed, type OpenOptions, openStore, type Store } from './open.js';
export type { Isolation, ResourceUsage, SandboxExit, SandboxSpec } from './sandbox/spec.js';
export type { Holder } from './store/collect/holders.js';
export type { ListedPath } from './store/collect/list-paths.js';
export type { CollectEvent, CollectReport, Root } from './store/collect/records.js';
export type { DatabaseCheckOptions, DatabaseProblem } from './store/database-check.js';
export type { LocalStore } from './store/local-store.js';
export type { PathInfo } from './store/path-info.js';
export type { ImportChoices } from './store/transfer/import-paths.js';
export type { RegisterChoices } from './store/transfer/register-paths.js';
export type { Finding } from './store/verify/finding.js';
