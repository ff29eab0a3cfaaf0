export const LIFECYCLE_EVENT_TYPES = ['CREATED', 'CANCEL', 'RETRY', 'PAUSE', 'RESUME', 'STATE'] as const;
export type LifecycleEventType = (typeof LIFECYCLE_EVENT_TYPES)[number];

export const LIFECYCLE_REQUESTS = ['CANCEL', 'RETRY', 'PAUSE', 'RESUME'] as const;
export type LifecycleRequestType = (typeof LIFECYCLE_REQUESTS)[number];

export const LIFECYCLE_SOURCES = ['client', 'engine', 'reconciler', 'adapter'] as const;
export type LifecycleSource = (typeof LIFECYCLE_SOURCES)[number];
