import { Module } from '@nestjs/common';
import { DriftController } from './drift.controller.js';

/** What administrators see: so far what contradicts the record. */
@Module({ controllers: [DriftController] })
export class AdminModule {}
