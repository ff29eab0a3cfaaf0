import { Module } from '@nestjs/common';
import { ArchiveWorkflow } from './archive-workflow.js';
import { WorkflowIntake } from './workflow-intake.js';
import { WorkflowTasksController } from './workflow-tasks.controller.js';
import { WorkflowsController } from './workflows.controller.js';

@Module({
  controllers: [WorkflowsController, WorkflowTasksController],
  providers: [WorkflowIntake, ArchiveWorkflow],
})
export class WorkflowsModule {}
