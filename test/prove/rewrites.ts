type Rewrite = readonly [from: string | RegExp, to: string];

/** Changes of the sample applications that mean the same. */
export const rewrites: Readonly<Record<'express' | 'fastify' | 'nestjs', readonly Rewrite[]>> = {
  express: [
    [
      "requireScope('read:inventory', 'write:inventory')",
      "requireScope('write:inventory', 'read:inventory')",
    ],
    [
      "requireScope('read:inventory', 'write:inventory')",
      "requireScope('write:inventory'), requireScope('read:inventory')",
    ],
    ["requireAnyScope('read:orders', 'admin')", "requireAnyScope('admin', 'read:orders')"],
    [/( +app\.get\('\/health', handle\);\n)( +app\.get\('\/about\/:topic', handle\);\n)/, '$2$1'],
    ["app.get('/me', handle)", "app.get('/me', (_req, _res, next) => next(), handle)"],
    [/( +app\.use\(authenticate\(options\)\);\n)/, '$1$1'],
    [/app\.use\('\/admin', admin\)/, "app.use('/admin', (_req, _res, next) => next(), admin)"],
    [
      /(app\.(get|put)\('\/stock\/:sku', [^\n]*\n *app\.put[^\n]*\n)/,
      "app.route('/stock/:sku').get(requireScope('read:inventory'), handle).put(requireScope('read:inventory', 'write:inventory'), handle);\n",
    ],
    ["requireScope('write:tenants'), acme", "acme, requireScope('write:tenants')"],
    [
      "app.get('/stock/:sku', requireScope('read:inventory'), handle)",
      "app.use('/stock', requireScope('read:inventory')); app.get('/stock/:sku', handle)",
    ],
    ['  return app;', '  app.use((_req, res) => void res.status(404).json({}));\n  return app;'],
    ['  return app;', '  app.use(((_error, _req, _res, next) => next(_error)) as never);\n  return app;'],
  ],
  fastify: [
    [
      "requireScope('read:inventory', 'write:inventory')",
      "requireScope('write:inventory', 'read:inventory')",
    ],
    [
      "onRequest: requireScope('read:inventory', 'write:inventory')",
      "onRequest: [requireScope('write:inventory'), requireScope('read:inventory')]",
    ],
    ["requireAnyScope('read:orders', 'admin')", "requireAnyScope('admin', 'read:orders')"],
    ["{ onRequest: requireScope('write:orders') }", "{ preHandler: requireScope('write:orders') }"],
    ["scope.get('/me', handle)", "scope.get('/me', { preHandler: async () => undefined }, handle)"],
    [
      '    await scope.register(resourceServer, options);\n',
      "    await scope.register(resourceServer, options);\n    scope.addHook('preHandler', async () => undefined);\n",
    ],
    [/( +admin\.addHook[^\n]*\n)([\s\S]*?)(?= {6}\},)/, '$2$1'],
    [
      "admin.route({ method: ['GET', 'POST'], url: '/audit', handler: handle });",
      "admin.get('/audit', handle); admin.post('/audit', handle);",
    ],
    [
      '  return app;',
      '  app.setNotFoundHandler((_request, reply) => void reply.code(404).send({}));\n  return app;',
    ],
  ],
  nestjs: [
    [
      "@RequireScope('read:inventory', 'write:inventory')",
      "@RequireScope('write:inventory', 'read:inventory')",
    ],
    [
      "  @RequireScope('read:inventory', 'write:inventory')\n",
      "  @RequireScope('write:inventory')\n  @RequireScope('read:inventory')\n",
    ],
    ["@RequireAnyScope('read:orders', 'admin')", "@RequireAnyScope('admin', 'read:orders')"],
    ["@Controller('stock')\n", "@Controller('stock')\n@RequireScope('read:inventory')\n"],
    [/( {2}@RequireScope\('write:tenants'\)\n)( {2}@RequireClaims.*\n)/, '$2$1'],
    [
      '[OpenController, StockController, OrdersController, AdminController]',
      '[AdminController, OrdersController, StockController, OpenController]',
    ],
    [/( {2}@Get\('health'\)\n)( {2}@Public\(\)\n)/, '$2$1'],
    ["@Controller('admin')\n@RequireScope('admin')\n", "@RequireScope('admin')\n@Controller('admin')\n"],
  ],
};
