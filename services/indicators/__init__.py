"""Indicators: the catalogue and the warehouse.

Owns: units through time with their codes and successions, indicators and formulas, forms, regimes, calendar
days (one version number per load that changed something); the observations with their recorded batches, their level of
approval and how they came about; the values derived by formula.

RPC: `load_catalogue`, `read_catalogue`, `catalogue_version`, `list_units`, `list_indicators`, `list_forms`,
`next_working_day`, `regime_calendar`, `find_observation`, `list_observations`, `list_batches`, `read_series`,
`read_grid`, `describe_status`.
Events in: `submission_finalised`, `observations_requested`.
Events out: `catalogue_changed`, `observations_recorded`, `finalised_requested`.

Never: holds drafts, takes decisions, delivers to partners, removes what was once loaded or recorded.
"""
