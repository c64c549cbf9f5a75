// What stands for '@prisma/adapter-pg' where tests run with version 6.
export { PrismaPg } from '@prisma/adapter-pg'
