import { datastoreContract } from '../contract.ts';
import { memoryDatastore } from './index.ts';

datastoreContract('memory', () => memoryDatastore());
