import t from 'tap'
import { bootIdOf, compareBoots } from '../../src/core/boot-id.ts'

t.test('a boot id is the boot time in 13 digits and the kernel’s boot_id', async t => {
  t.equal(bootIdOf(1_700_000_000_000, '15df4b4c-8354'), '1700000000000-15df4b4c-8354')
  t.equal(bootIdOf(5, 'x'), '0000000000005-x')
})

t.test('the boot with the greater time is the newer', async t => {
  const [before, after] = [bootIdOf(1_700_000_000_000, 'zz'), bootIdOf(1_700_000_000_001, 'aa')]
  t.equal(compareBoots(before, after), 'older')
  t.equal(compareBoots(after, before), 'newer')
})

t.test('one kernel boot_id is one boot, though the clock was set meanwhile', async t => {
  t.equal(compareBoots(bootIdOf(1, 'aa-bb'), bootIdOf(2, 'aa-bb')), 'same')
})

t.test('all agree on the order of two boots of one time', async t => {
  t.strictSame([compareBoots('0000000000001-a', '0000000000001-b'), compareBoots('0000000000001-b', '0000000000001-a')], ['older', 'newer'])
})
