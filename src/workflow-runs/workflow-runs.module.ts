import { Module } from '@nestjs/common';
import { RunFollowingController } from './run-following.controller.js';
import { RunLifecycleController } from './run-lifecycle.controller.js';
import { RunPages } from './run-pages.js';
import { RunReader } from './run-reader.js';
import { RunTailer } from './run-tailer.js';
import { RunTaskRunsController } from './run-task-runs.controller.js';
import { StartRun } from './start-run.js';
import { StreamSlots } from './stream-slots.js';
import { SyncRuns } from './sync-runs.js';
import { TaskLogs } from './task-logs.js';
import { TaskRequests, TaskWork } from './task-requests.js';
import { TaskRunAccess } from './task-run-access.js';
import { TaskRunsController } from './task-runs.controller.js';
import { WorkflowRunsController } from './workflow-runs.controller.js';

@Module({
  controllers: [
    WorkflowRunsController,
    RunLifecycleController,
    RunFollowingController,
    RunTaskRunsController,
    TaskRunsController,
  ],
  providers: [
    RunPages,
    RunReader,
    RunTailer,
    StartRun,
    StreamSlots,
    SyncRuns,
    TaskLogs,
    TaskRequests,
    TaskRunAccess,
    TaskWork,
  ],
})
export class WorkflowRunsModule {}
