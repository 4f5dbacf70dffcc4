// Starts the interface.

import { render } from 'preact';
import { ErrorBoundary, LocationProvider, lazy, Route, Router } from 'preact-iso';
import { Shell } from './components/shell';
import { Overview } from './pages/overview';
import { pagePath, prefix } from './state/page';
import './style.css';

const Explore = lazy(() => import('./pages/explore').then((module) => module.Explore));
const Targets = lazy(() => import('./pages/targets').then((module) => module.TargetsPage));
const Status = lazy(() => import('./pages/status').then((module) => module.StatusPage));

function NotFound() {
  return (
    <div class="page">
      <h1>No such page</h1>
      <p>
        The address names no page of Barograph. <a href={pagePath('/')}>To the overview</a>
      </p>
    </div>
  );
}

function App() {
  return (
    <LocationProvider scope={prefix || '/'}>
      <ErrorBoundary>
        <Shell>
          <Router>
            <Route path={pagePath('/')} component={Overview} />
            <Route path={pagePath('/explore')} component={Explore} />
            <Route path={pagePath('/graph')} component={Explore} />
            <Route path={pagePath('/query')} component={Explore} />
            <Route path={pagePath('/targets')} component={Targets} />
            <Route path={pagePath('/status')} component={Status} />
            <Route path={pagePath('/tsdb-status')} component={Status} />
            <Route path={pagePath('/config')} component={Status} />
            <Route path={pagePath('/flags')} component={Status} />
            <Route default component={NotFound} />
          </Router>
        </Shell>
      </ErrorBoundary>
    </LocationProvider>
  );
}

const root = document.getElementById('app');
if (root) render(<App />, root);
