/** Where everything is, as paths of this service. */
export class ApiIndex {
  /** `signalbox`. */
  name!: string;
  /** Of the service. */
  version!: string;
  /** What every operation's path begins with. */
  api!: string;
  /** The description of the API: OpenAPI 3.1. */
  openapi!: string;
  /** The same as a page for people. */
  docs!: string;
  /** Whether the service can take requests. */
  ready!: string;
}
