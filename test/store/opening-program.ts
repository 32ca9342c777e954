import { LichenError, messageOf } from '../../src/errors.js';
import { openDatabase } from '../../src/store/database.js';

/** A process that opens one database for writing and prints the error's code and message. */
try {
  openDatabase(process.argv[2]!, []).close();
  console.log('opened');
} catch (error) {
  console.log(error instanceof LichenError ? error.code : 'unclear');
  console.log(messageOf(error));
}
