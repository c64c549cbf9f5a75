import { Body, Controller, Get, NotFoundException, Param, Post, Req } from '@nestjs/common'
import { InjectRepository } from '@nestjs/typeorm'
import type { Repository } from 'typeorm'
import { Customer } from './customer.ts'

interface NewCustomer {
  readonly name: string
  readonly email: string
}

@Controller('customers')
export class CustomersController {
  readonly #customers: Repository<Customer>

  constructor(@InjectRepository(Customer) customers: Repository<Customer>) {
    this.#customers = customers
  }

  @Post()
  add(@Body() { name, email }: NewCustomer, @Req() { tenantId }: { tenantId: string }): Promise<Customer> {
    return this.#customers.save(this.#customers.create({ tenantId, name, email }))
  }

  @Get()
  list(@Req() { tenantId }: { tenantId: string }): Promise<Customer[]> {
    return this.#customers.find({ where: { tenantId }, order: { id: 'asc' } })
  }

  @Get(':id')
  async find(@Param('id') id: string, @Req() { tenantId }: { tenantId: string }): Promise<Customer> {
    const found = await this.#customers.findOneBy({ id, tenantId })
    if (found === null) throw new NotFoundException()
    return found
  }
}
