import { systemText } from './system-file.js';

/** The device tree's model, as on boards with an Arm processor; '' where there is no device tree. */
export function deviceTreeModel(root = '/'): string {
  return systemText(root, 'proc/device-tree/model') ?? '';
}

/** What the machine calls itself: the device tree's model, else what the firmware says. */
export function boardName(root = '/'): string | undefined {
  return deviceTreeModel(root) || systemText(root, 'sys/class/dmi/id/product_name') || undefined;
}
