import { Module, type DynamicModule } from '@nestjs/common';
import { AdminModule } from './admin/admin.module.js';
import { EngineWorkModule, type EngineWorkParts } from './engine-work.module.js';
import { EnginesApiModule } from './engines/engines-api.module.js';
import { LabelsModule } from './labels/labels.module.js';
import { PlatformModule, type PlatformParts } from './platform/platform.module.js';
import { WorkflowRunsModule } from './workflow-runs/workflow-runs.module.js';
import { WorkflowsModule } from './workflows/workflows.module.js';

/** What answers the REST API. */
const API = [AdminModule, EnginesApiModule, LabelsModule, WorkflowRunsModule, WorkflowsModule];

export type AppParts = PlatformParts & EngineWorkParts;

/** The features of a process, by its roles. */
@Module({})
export class AppModule {
  static of(parts: AppParts, roles: { api: boolean }): DynamicModule {
    return {
      module: AppModule,
      imports: [PlatformModule.of(parts), EngineWorkModule.of(parts), ...(roles.api ? API : [])],
    };
  }
}
