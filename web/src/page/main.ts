/** The page: the component in a window of its own, which may be installed, shared to, and used without a network. */
import './language.js';
import '../counter/counter.js';
import { startOffline } from './offline.js';

const counter = document.querySelector('checkbox-counter');
if (counter) startOffline(counter);
