import { Module } from '@nestjs/common';
import { EnginesController } from './engines.controller.js';

/** What the API says about engines; the engines themselves are made before it. */
@Module({ controllers: [EnginesController] })
export class EnginesApiModule {}
