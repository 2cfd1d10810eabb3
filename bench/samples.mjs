// The same two events in every bench: payloads of 300 bytes and of 2 KB as JSON.
export const actor = {
  authentication: 'oidc',
  ip: '203.0.113.7',
  email: 'ada@example.com',
  name: 'Ada Lovelace',
};

const small = {
  key: 'new-checkout',
  name: 'New checkout',
  description: 'Sends one in ten customers to the checkout of the spring release, by account id.',
  enabled: true,
  namespace_key: 'production',
  tags: ['checkout', 'spring', 'experiment'],
  rollout: { percentage: 12.5, salt: 'b1946ac92492d2347c6235b4d2611184', owner: 'payments' },
};

const large = {
  ...small,
  constraints: Array.from({ length: 11 }, (_, n) => ({
    id: `5f0f1e5c-0000-4000-8000-${String(n).padStart(12, '0')}`,
    type: 'STRING_COMPARISON_TYPE',
    property: 'country',
    operator: 'isoneof',
    value: 'AT,BE,DE,DK,ES,FI,FR,IE,IT',
  })),
};

export const payloads = { '300 B': small, '2 KB': large };
