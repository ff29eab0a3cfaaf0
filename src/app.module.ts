import { Module, type DynamicModule } from '@nestjs/common';
import { PlatformModule, type PlatformParts } from './platform/platform.module.js';
import type { Roles } from './roles.js';

/** The features of a process, by its roles. */
@Module({})
export class AppModule {
  static of(parts: PlatformParts, _roles: Roles): DynamicModule {
    return { module: AppModule, imports: [PlatformModule.of(parts)] };
  }
}
