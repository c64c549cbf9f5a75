import { Module, type DynamicModule, type MiddlewareConsumer, type NestModule } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import type { Router } from '@shardline/core'
import { typeormDriver } from '@shardline/typeorm-driver'
import { Customer } from './customer.ts'
import { CustomersController } from './customers-controller.ts'
import { TenantContext, shardlineRouter } from './tenant-context.ts'

@Module({})
export class AppModule implements NestModule {
  static over(router: Router): DynamicModule {
    return {
      module: AppModule,
      imports: [
        TypeOrmModule.forRoot({ type: 'postgres', driver: typeormDriver(router), entities: [Customer] }),
        TypeOrmModule.forFeature([Customer]),
      ],
      controllers: [CustomersController],
      providers: [{ provide: shardlineRouter, useValue: router }, TenantContext],
    }
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(TenantContext).forRoutes(CustomersController)
  }
}
