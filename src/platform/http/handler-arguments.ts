import type { ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';

/** Whether the handler of a request has an argument that reads the query. */
export function takesQuery(context: ExecutionContext): boolean {
  return has(context, (key) => key.startsWith(`${RouteParamtypes.QUERY}:`));
}

/** Whether the handler of a request has an argument that reads the body. */
export function takesBody(context: ExecutionContext): boolean {
  return has(context, (key) => key.startsWith(`${RouteParamtypes.BODY}:`));
}

function has(context: ExecutionContext, matches: (key: string) => boolean): boolean {
  const metadata: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name);
  return Object.keys(metadata ?? {}).some(matches);
}
