import { Module } from '@nestjs/common';
import { ArchiveWorkflow } from './archive-workflow.js';
import { EngineWorkflowsController } from './engine-workflows.controller.js';
import { ImportWorkflows } from './import-workflows.js';
import { WorkflowIntake } from './workflow-intake.js';
import { WorkflowTasksController } from './workflow-tasks.controller.js';
import { WorkflowsController } from './workflows.controller.js';

@Module({
  controllers: [WorkflowsController, WorkflowTasksController, EngineWorkflowsController],
  providers: [WorkflowIntake, ArchiveWorkflow, ImportWorkflows],
})
export class WorkflowsModule {}
