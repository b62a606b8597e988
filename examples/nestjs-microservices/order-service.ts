import type { ClientProxy } from '@nestjs/microservices';
import type { ClientCredentials } from 'oauth-resource-server/client';
import { firstValueFrom } from 'rxjs';

/** Asks the inventory over TCP, with an access token in the payload. */
export class OrderService {
  constructor(
    private readonly inventory: ClientProxy,
    private readonly tokens: Pick<ClientCredentials, 'getToken'>,
  ) {}

  async findStock(sku: string): Promise<unknown> {
    const { accessToken } = await this.tokens.getToken();
    return firstValueFrom(this.inventory.send('stock', { authorization: `Bearer ${accessToken}`, sku }));
  }
}
